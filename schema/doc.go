// Package schema is decnet's language: it loads configuration files, evaluates
// them and resolves every block to an instance with all its values known. It
// touches nothing but the files it is given, and refuses unknown names instead
// of guessing.
package schema
