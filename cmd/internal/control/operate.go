package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// operations are what POST does.
var operations = map[string]bool{"plan": true, "approve": true, "suspend": true, "resume": true, "now": true}

func notAllowed(w http.ResponseWriter, methods string) {
	w.Header().Set("Allow", methods)
	fail(w, http.StatusMethodNotAllowed, "method_not_allowed", "only "+methods+" is answered")
}

func notFound(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, "not_found", "there is nothing here; see "+Prefix+" and "+Prefix+"/NAME/{plan,approve,suspend,resume,now,history,events}")
}

// order is the body of a POST.
type order struct {
	Plan   string `json:"plan,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// accepted is the answer where there is nothing else to say.
type accepted struct {
	Name     string `json:"name"`
	Accepted string `json:"accepted"`
}

func (s Server) operations(mux *http.ServeMux) {
	post := func(verb string, needs func(order) error, do func(ctx context.Context, name string, o order, who string) error) {
		mux.HandleFunc("POST "+Prefix+"/{name}/"+verb, func(w http.ResponseWriter, r *http.Request) {
			o, err := readOrder(w, r)
			if err == nil {
				err = needs(o)
			}
			if err != nil {
				fail(w, http.StatusBadRequest, "bad_request", err.Error())
				return
			}
			name, who := r.PathValue("name"), peerOf(r.Context()).who()
			err = do(r.Context(), name, o, who)
			s.Log.Info("operator", "asks", verb, "sync", name, "who", who, "error", errorText(err))
			if err != nil {
				s.problem(w, r, err)
				return
			}
			write(w, http.StatusOK, accepted{name, verb})
		})
	}
	none := func(o order) error { return only(o, order{}) }
	post("approve", func(o order) error {
		if o.Plan == "" || len(o.Plan) > maxName {
			return errors.New(`approve needs the id of the plan that waits: {"plan": ID}`)
		}
		return only(o, order{Plan: o.Plan})
	}, func(ctx context.Context, name string, o order, who string) error {
		return s.Operator.Approve(ctx, name, o.Plan, who)
	})
	post("suspend", func(o order) error { return only(o, order{Reason: o.Reason}) }, func(ctx context.Context, name string, o order, who string) error {
		return s.Operator.Suspend(ctx, name, o.Reason, who)
	})
	post("resume", none, func(ctx context.Context, name string, _ order, who string) error {
		return s.Operator.Resume(ctx, name, who)
	})
	post("now", none, func(ctx context.Context, name string, _ order, who string) error {
		return s.Operator.Now(ctx, name, who)
	})
	mux.HandleFunc("POST "+Prefix+"/{name}/plan", func(w http.ResponseWriter, r *http.Request) {
		o, err := readOrder(w, r)
		if err == nil {
			err = none(o)
		}
		if err != nil {
			fail(w, http.StatusBadRequest, "bad_request", err.Error())
			return
		}
		planned, err := s.Operator.Plan(r.Context(), r.PathValue("name"))
		if err != nil {
			s.problem(w, r, err)
			return
		}
		if planned.Plan != nil {
			planned.Plan = planned.Plan.Show()
		}
		write(w, http.StatusOK, planned)
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func only(got, want order) error {
	switch {
	case got != want:
		return errors.New("the body has a field that is not for this request")
	case len(got.Reason) > maxReason:
		return fmt.Errorf("the reason is longer than %d bytes", maxReason)
	}
	return nil
}

func readOrder(w http.ResponseWriter, r *http.Request) (order, error) {
	var o order
	if r.URL.RawQuery != "" {
		return o, errors.New("this takes no parameters")
	}
	slow := http.NewResponseController(w)
	_ = slow.SetReadDeadline(time.Now().Add(bodyTime)) // a test's recorder has none
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	_ = slow.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		return o, errors.New("the body could not be read")
	case len(data) > maxBody:
		return o, fmt.Errorf("the body is longer than %d bytes", maxBody)
	case len(data) == 0:
		return o, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return o, errors.New(`the body is no JSON of the fields "plan" and "reason"`)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return o, errors.New("something follows the JSON of the body")
	}
	return o, nil
}
