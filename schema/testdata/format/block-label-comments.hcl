network /* old */ "office" { # one
} # two
rule "x" { // three
}
