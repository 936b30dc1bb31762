/ SPDX-License-Identifier: MIT
/ tick.q - a tickerplant: writes what feeds send to a log, and passes it on to subscribers.
/   troupe q tick.q SCHEMA FOLDER -p PORT [-t MS]
/ SCHEMA.q has the tables; FOLDER gets a log a day. With -t rows are passed on every so
/ many milliseconds, without it at once.

if[2>count .z.x;-2"usage: troupe q tick.q SCHEMA FOLDER -p PORT [-t MS]";exit 2]
if[not system"p";-2"tick: which port? -p PORT";exit 2]

system"l ",first[.z.x],".q"
\l u.q
\d .u

late:0<system"t"
if[not late;system"t 1000"] / for the end of the day

/ .u.j counts the messages in the log, .u.i those that were passed on, too.
/ A crash may have torn the last message: nobody was told that it is here. It is cut off.
open:{[day]
  L::`$":",folder,"/",schema,".",string day;
  if[not type key L;.[L;();:;()]];
  n:-11!(-2;L);
  if[0<type n;
    -2"tick: ",string[L]," is torn behind message ",string[first n],"; cut to ",
      string[last n]," bytes";
    $[last n;L 1:read1(L;0;last n);.[L;();:;()]]];
  i::j::first n;
  hopen L}

begin:{
  schema::x;folder::y;
  start[];
  if[not min{`time`sym~2#key flip value x}each t;'"time and sym come first"];
  @[;`sym;`g#]each t;
  day::.z.D;
  l::open day}

endofday:{
  if[late;flush[]];
  tell(`.u.end;day);
  day+:1;
  hclose l;
  l::0(`.u.open;day)}

flush:{pub'[t;value each t];@[`.;t;@[;`sym;`g#]0#];i::j}

/ Columns, or one row; the time of arrival goes in front of what has none.
stamp:{[now;x]
  if[0>type first x;x:enlist each x];
  $[16=type first x;x;(enlist(count first x)#"n"$now),x]}

/ What feeds call. The log comes first: who gets the answer of a call can rely on it.
upd:{[n;x]
  if[not n in t;'"no table ",string n];
  if[day<"d"$now:.z.P;endofday[]];
  r:flip(key flip value n)!x:stamp[now;x];
  l enlist(`upd;n;x);
  j+:1;
  $[late;n insert r;[i::j;pub[n;r]]];}

.z.ts:{if[late;flush[]];if[day<.z.D;endofday[]]}

\d .
.u.begin . 2#.z.x
-1"tick: ",(", "sv string .u.t),"; ",string[.u.j]," messages in ",1_string .u.L;
