a = {
b={
c = 1
longer = [
1,
]
d=2
}
ee = 1
}
