// Package layers holds the rules about who may import whom. They are tests:
// the package has no other code.
package layers
