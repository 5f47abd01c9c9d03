a=1+2*3/4%5-6
b = a==b
c=a!=b&&d>=e||f<=g
d = !  a
e=( 1 + 2 )*3
f=a>b
