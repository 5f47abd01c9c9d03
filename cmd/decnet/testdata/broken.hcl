decnet {
