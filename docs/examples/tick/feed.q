/ SPDX-License-Identifier: MIT
/ feed.q - sends made-up trades, and quotes beside them.
/   troupe q feed.q [HOST]:PORT ROWS [BATCH] [-t MS]
/ ROWS trades go in messages of BATCH, each acknowledged before the next; their size counts
/ them, from 0. When the tickerplant goes away the feed waits for it, and sends what was
/ not acknowledged again. Quotes are sent and forgotten.

if[2>count .z.x;-2"usage: troupe q feed.q [HOST]:PORT ROWS [BATCH] [-t MS]";exit 2]
if[not system"t";system"t 1"]

plant:`$":",.z.x 0
rows:"J"$.z.x 1
batch:"J"$.z.x[2],$[3>count .z.x;"100";""]
syms:`A`B`C`D`E`F
sent:0 / acknowledged
h:0

dial:{h::@[hopen;(plant;1000);{0}];if[h;-1"feed: connected, ",string[sent]," sent"]}
.z.pc:{if[x=h;h::0]}

trades:{[n](n?syms;20+n?80f;sent+til n)}
quotes:{[n](n?syms;p;0.5+p:n?100.)}

/ 0b: it is not known to be there.
put:{[x]@[{h(`.u.upd;`trade;x);1b};x;{-2"feed: ",x;0b}]}

step:{[n]
  if[0<rand 2;(neg h)(`.u.upd;`quote;quotes 1+rand 3)];
  if[put trades n;sent+:n]}

done:{(neg h)(::);-1"feed: ",string[sent]," acknowledged";exit 0}

.z.ts:{
  if[not h;dial[]];
  k:20;
  while[(h>0)&(sent<rows)&0<k-:1;step batch&rows-sent];
  if[(h>0)&sent=rows;done[]]}
