a = [
# first
1, # one
    # second
2,
/* last */
]
b = { # open
x = 1 # x
# before y
yy = 2
}
