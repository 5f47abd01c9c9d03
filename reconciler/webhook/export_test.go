package webhook

// Parse is parse, for fuzzing.
var Parse = parse
