/ A script for q_files.c.
trade:([]sym:`a`b`a;size:10 20 30)
total:{[s]
  exec sum size from trade
    where sym=s          / a line that begins with a blank belongs to the one before
  }
/
a comment of
several lines
\
.u.upd:{[t;x] t insert x}
total `a
