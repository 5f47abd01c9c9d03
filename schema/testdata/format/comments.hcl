# one
// two
/* three
   four */

  # five
a = 1
    # six
b {
# seven
      // eight
  c = 1
  /* nine */
}
# ten
