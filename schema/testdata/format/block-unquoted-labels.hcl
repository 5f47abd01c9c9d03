network office {
}
decky web {
service ssh extra {
}
}
