a={}
b = { }
c={x=1,y=2}
d = {"x":1,"longer"  :  2}
e={
x=1
longer=2
"quoted key"=3
(var.k)=4
}
f = { users = { root = "toor" } }
