a = 1 # one
longer = 22 # two
b = 333     // three

c = 1 /* four */
