rule "spray" {
technique="T1110.003"
when=event.kind=="auth.attempt"&&!event.success
  by= event.source
threshold =8
 within="10m"
}
