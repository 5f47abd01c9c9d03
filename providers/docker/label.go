package docker

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/docker/docker/api/types/filters"

	"github.com/decnet/decnet/providers"
	"github.com/decnet/decnet/schema"
)

// Labels of our objects. The host reads them through the engine; nothing
// inside a container can.
const (
	labelLineage = "decnet.lineage"
	labelAddress = "decnet.address"
	labelDigest  = "decnet.digest"
	labelConfig  = "decnet.config" // JSON of the configuration
	labelType    = "decnet.type"   // the instance's type
	labelSpec    = "decnet.spec"   // SHA-256 of a service's spec file
	labelImage   = "decnet.image"  // SHA-256 of the decky binary
)

// labels marks an object as owner's, made from config.
func labels(owner providers.Owner, kind string, config any) (map[string]string, error) {
	data, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode configuration of %s: %w", owner.Address, err)
	}
	return map[string]string{
		labelLineage: owner.Lineage,
		labelAddress: owner.Address,
		labelDigest:  owner.Digest,
		labelType:    kind,
		labelConfig:  string(data),
	}, nil
}

func ownerOf(l map[string]string) providers.Owner {
	return providers.Owner{Lineage: l[labelLineage], Address: l[labelAddress], Digest: l[labelDigest]}
}

// owned tells whether labels are those of owner's object, of any digest.
func owned(l map[string]string, kind string, owner providers.Owner) bool {
	return owner.Lineage != "" && l[labelLineage] == owner.Lineage && l[labelAddress] == owner.Address && l[labelType] == kind
}

// configOf reads the configuration that an object was made from; the zero one
// where the label is damaged, which Diff then shows.
func configOf[C any](l map[string]string) C {
	var c, zero C
	if err := json.Unmarshal([]byte(l[labelConfig]), &c); err != nil {
		return zero
	}
	return c
}

// sysctlNames are the sysctls that the base container with these labels has.
func sysctlNames(l map[string]string) []string {
	return slices.Sorted(maps.Keys(sysctls(configOf[schema.Decky](l))))
}

// byLabel filters a list by label=value pairs.
func byLabel(pairs ...string) filters.Args {
	args := filters.NewArgs()
	for i := 0; i+1 < len(pairs); i += 2 {
		args.Add("label", pairs[i]+"="+pairs[i+1])
	}
	return args
}

// short is an id as people compare them.
func short(id string) string {
	if len(id) > 12 {
		return id[:12]
	}
	return id
}
