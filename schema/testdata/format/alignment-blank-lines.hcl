short = 1


much_longer = 2
short2 = 3



z = 4
