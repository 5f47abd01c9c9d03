a=1
longer_name   =  2
b  = 3

x=1
yy=2
