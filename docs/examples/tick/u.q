/ SPDX-License-Identifier: MIT
/ u.q - who gets which rows. .u.w has, for each table, pairs of a handle and its symbols;
/ the symbol ` stands for all.
\d .u

start:{t::tables`.;w::t!(count t)#()}

mine:{[rows;s]$[s~`;rows;select from rows where sym in s]}

/ The place of a handle among the subscribers of a table; behind the last: it is none.
place:{[n;h](first each w n)?h}

both:{[old;new]$[(old~`)|new~`;`;old union new]}

/ More symbols for a subscriber that is there, or one more subscriber. Answers the name
/ and an empty table to begin with.
join:{[n;s]
  $[(count w n)>i:place[n;.z.w];
    .[`.u.w;(n;i;1);both;s];
    w[n],:enlist(.z.w;s)];
  (n;@[0#value n;`sym;`g#])}

/ What subscribers call: a table, or ` for all of them; symbols, or ` for all of them.
sub:{[n;s]
  if[n~`;:sub[;s]each t];
  if[not n in t;'"no table ",string n];
  join[n;s]}

push:{[n;rows;to]if[count r:mine[rows;to 1];(neg to 0)(`upd;n;r)]}
pub:{[n;rows]push[n;rows]each w n;}

/ A message for everybody, once.
tell:{[m](neg union/[first''[value w]])@\:m;}

gone:{[h;n]w[n]_:place[n;h]}
.z.pc:{[h]gone[h]each t;}
