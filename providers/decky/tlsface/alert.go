package tlsface

import "fmt"

// Alert is a fatal alert (RFC 8446 section 6). As an error it tells that this
// side sent it.
type Alert byte

// Alerts that OpenSSL sends.
const (
	alertClose       Alert = 0
	alertUnexpected  Alert = 10
	alertRecordMAC   Alert = 20
	alertOverflow    Alert = 22
	alertHandshake   Alert = 40
	alertParameter   Alert = 47
	alertDecode      Alert = 50
	alertDecrypt     Alert = 51
	alertVersion     Alert = 70
	alertInternal    Alert = 80
	alertFallback    Alert = 86
	alertRenegotiate Alert = 100
	alertMissing     Alert = 109
	alertProtocol    Alert = 120
)

// Error implements error.
func (a Alert) Error() string { return fmt.Sprintf("refused with TLS alert %d", byte(a)) }

// PeerAlert is an alert that the client sent and that ends the connection.
type PeerAlert byte

// Error implements error.
func (a PeerAlert) Error() string { return fmt.Sprintf("client sent TLS alert %d", byte(a)) }
