a = {
x:1
longer=2
yy :3,
z = 4,
}
