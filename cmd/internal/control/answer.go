package control

import (
	"encoding/json"
	"net/http"
)

type list struct {
	Items any `json:"items"`
}

func items[T any](all []T, err error) (any, error) {
	if all == nil {
		all = []T{}
	}
	return list{all}, err
}

type problem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func fail(w http.ResponseWriter, code int, word, message string) {
	var p problem
	p.Error.Code, p.Error.Message = word, message
	write(w, code, p)
}

func write(w http.ResponseWriter, code int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		code, data = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer could not be encoded"}}`)
	}
	w.WriteHeader(code)
	_, _ = w.Write(append(data, '\n')) // the client is gone; there is nobody to tell
}
