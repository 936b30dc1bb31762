/ what the conversation calls
push:{[n] i:0; while[i<n; (neg .z.w)(`upd; `trade; i); i:i+1]; n}
note:0
remember:{note::x}
