/ what the server of threaded_upserts is asked: troupe q serve -p 5010 --load rows.q
/ pushes n rows (source; number) to the connection that asks
rows:{[source;n] i:0; while[i<n; (neg .z.w)(source;i); i:i+1]; n}
/ one row, for those who ask for each
row:{[source;i] (source;i)}
