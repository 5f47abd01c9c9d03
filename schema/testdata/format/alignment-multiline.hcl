a = [
1,
2,
]
longer = 2
other = {
  x=1
  yyy = 2
}
z=1
