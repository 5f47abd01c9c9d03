a = /* before */ 1
b = 1 /* after */
c /* name */ = 1
d = [1 /* x */, /* y */ 2]
