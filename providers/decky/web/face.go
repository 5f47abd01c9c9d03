package web

import "time"

// Face is one product: how it reads a request, what it answers and how it ends
// a connection. A Face is made for one decky and is safe for concurrent use.
type Face interface {
	// Read reads one request from in into r. A Refusal is answered with
	// Refuse; any other error ends the connection by Abandon.
	Read(in *Input, r *Request) error
	// Answer is what the product answers to a request that was read. It may
	// read the body, and does so where the product reads it first.
	Answer(x *Exchange) Answer
	// Refuse is the answer to a request that could not be read.
	Refuse(x *Exchange, status int) Answer
	// Abandon is what a client gets that left or stopped in the middle of a
	// request; late tells a passed deadline from a closed connection.
	Abandon(x *Exchange, late bool) Answer
	// Framing is a reader of a chunked body.
	Framing(r *Request) Framing
	// Timing is the product's clock.
	Timing() *Timing
}

// Answer is one answer, ready for the wire.
type Answer struct {
	Status int    // for the record
	Wire   []byte // empty: the connection ends without a word
	// Again keeps the connection for another request, after the rest of the
	// body was read.
	Again bool
	// Abrupt ends the connection at once; else the server sends FIN and reads
	// on for a while, so that what the client still sends does not turn the
	// answer into a reset.
	Abrupt bool
	// Reset ends the connection with RST.
	Reset bool
}

// Timing are a product's waits and habits of closing; zero is no limit of its
// own.
type Timing struct {
	First     time.Duration // for the first byte of a connection
	Header    time.Duration // for the rest of a head
	KeepAlive time.Duration // for the next request
	Body      time.Duration // between two reads of a body
	BodyTotal time.Duration // for a whole body
	Write     time.Duration
	Linger    time.Duration // between two reads after FIN
	LingerAll time.Duration // after FIN
	// DrainFirst reads an announced body within the linger times before FIN.
	DrainFirst bool
}
