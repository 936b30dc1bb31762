/ SPDX-License-Identifier: MIT
/ r.q - a subscriber that keeps the day: all it may see, also what was before it came.
/   troupe q r.q [HOST]:PORT [SYM,SYM...] [FOLDER] -p PORT
/ It reads the log of the tickerplant, on the same machine. When the tickerplant goes away
/ it waits for it and begins again. At the end of the day FOLDER gets the tables.

if[1>count .z.x;-2"usage: troupe q r.q [HOST]:PORT [SYM,SYM...] [FOLDER] -p PORT";exit 2]
if[not system"t";system"t 100"]

plant:`$":",.z.x 0
syms:$[(2>count .z.x)or 0=count .z.x 1;`;`$","vs .z.x 1]
folder:$[3>count .z.x;"";.z.x 2]
h:0
ready:0b
latest:([sym:`symbol$()]time:`timespan$();price:`float$())

/ From the log come columns of all symbols, from the tickerplant rows of ours.
own:{[n;x]
  if[98<>type x;x:flip(cols n)!x];
  $[syms~`;x;select from x where sym in syms]}

upd:{[n;x]
  n insert x:own[n;x];
  if[n=`trade;`latest upsert select last time,last price by sym from x];}

/ One message: nothing can come between the subscription and the count.
begin:{
  a:h({(.u.sub[`;x];.u.i;.u.L)};syms);
  (set).'first a;
  latest::0#latest;
  -11!1_a;
  ready::1b;
  -1"r: ",string[count trade]," trades from the log";}

lost:{-2"r: ",x;h::0;ready::0b}
dial:{h::@[hopen;(plant;1000);0];if[h;@[begin;::;lost]]}
.z.pc:{if[x=h;lost"the tickerplant is gone"]}
.z.ts:{if[not h;dial[]]}

keep:{[day;n](`$":",folder,"/",string[day],"/",string n)set value n}
.u.end:{[day]
  t:tables[`.]except`latest;
  if[count folder;keep[day]each t];
  @[;`sym;`g#]each{x set 0#value x}each t;
  delete from`latest;}

dial[]
