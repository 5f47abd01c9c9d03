package delivery

import "net/http"

// Transport is what requests are made with.
func Transport() *http.Transport { return Options{}.filled().transport(nil) }
