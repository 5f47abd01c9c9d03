package schema

import "maps"

// The texts of the blocks that say how instances live: conditions, addresses
// that change, services made of a collection.

var checkText = blockText{
	doc: "Assertions about the whole. One that fails is a warning in the plan and in the state, never an error.",
	example: `network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "web" {
  count   = 2
  network = network.office
}

check "enough_decoys" {
  assert {
    condition     = length(decky.web) > 1
    error_message = "One decoy alone is soon known."
  }
}
`,
}

var movedText = blockText{
	doc: "An address that has changed: what stood under from is now to, and is not made anew. Chains are followed to their end.",
	example: `network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "intranet" { network = network.office }

moved {
  from = decky.web
  to   = decky.intranet
}
`,
	arguments: map[string]Argument{
		"from": {Type: typeReference, Doc: "Address until now. Without a key it is every instance of the block, and a decky's is its services', too."},
		"to":   {Type: typeReference, Doc: "Address from now on; its block must be declared."},
	},
}

var removedText = blockText{
	doc: "What is no longer in the configuration, and what becomes of its objects.",
	example: `removed {
  from = decky.legacy
  lifecycle {
    destroy = false
  }
}
`,
	arguments: map[string]Argument{"from": {Type: typeReference, Doc: "Address of what is gone from the configuration."}},
}

var importText = blockText{
	doc: "Takes a live object in as an instance, instead of making it.",
	example: `network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "web" {
  for_each = toset(["a", "b"])
  network  = network.office
}

import {
  for_each = { a = "old-web-1", b = "old-web-2" }
  to       = decky.web[each.key]
  id       = each.value
}
`,
	arguments: map[string]Argument{
		"for_each": {Type: "set(string) or map", Doc: "One import for each element; `each.key` and `each.value` tell them apart."},
		"id":       {Type: typeString, Doc: "The object as its provider shows it: a container's name, a decky's engine-side name."},
		"to":       {Type: typeReference, Doc: "Instance that the object becomes; its block must be declared."},
	},
}

var dynamicText = blockText{
	doc: "Makes a block for each element of a collection; `service.key` and `service.value`, or the iterator's, are the element.",
	arguments: map[string]Argument{
		"for_each": {Type: "list, set or map", Doc: "The collection. It may not be sensitive."},
		"iterator": {Type: "name", Default: "service", Doc: "What the element is called, without quotes."},
		"labels":   {Type: typeList, Doc: "Labels of each block: the slug and, where one comes more than once, a label. Must be given."},
	},
}

var lifecycleText = blockText{
	doc: "How the engine treats what the block describes.",
	arguments: map[string]Argument{
		"create_before_destroy": {Type: typeBool, Default: "false", Doc: "Makes the new object before the old one goes, where both can be at once."},
		"ignore_changes":        {Type: "list of arguments, or all", Doc: "Arguments whose difference is no change, without quotes."},
		"on_drift":              {Type: typeString, Default: "heal", Doc: "What is done when an object differs from what was applied: heal makes it as it was, report only tells, quarantine cuts the decky off the network and keeps it for study."},
		"prevent_destroy":       {Type: typeBool, Default: "false", Doc: "Makes a plan that would delete or replace it an error."},
		"replace_triggered_by":  {Type: typeReferences, Doc: "Blocks or instances whose change replaces this one."},
	},
}

var deckyLifecycleText = blockText{
	doc: "How the engine treats the decky.",
	example: `network "office" {
  parent = "eth0"
  subnet = "192.168.1.0/24"
}

decky "jump" {
  network = network.office
  service "ssh" {}
  lifecycle {
    on_drift      = "quarantine"
    recycle_after = "168h"
    recycle_on    = ["login", "upload"]
  }
}
`,
	arguments: withArguments(lifecycleText.arguments, map[string]Argument{
		"recycle_after": {Type: typeString, Doc: "Age, a minute at least, at which the daemon replaces the decky with its services and without what attackers wrote. One that is kept for study, or has prevent_destroy, is left."},
		"recycle_on":    {Type: typeList, Doc: "What an attacker must achieve for the daemon to do the same: \"login\", \"upload\" or both."},
	}),
}

func withArguments(all, more map[string]Argument) map[string]Argument {
	all = maps.Clone(all)
	maps.Copy(all, more)
	return all
}

var lifecycleConditions = map[string]blockText{
	"assert":        {doc: "What should hold; it may refer to anything.", arguments: conditionArguments("all is well")},
	"precondition":  {doc: "What must hold before an instance is planned. Everything is known then, so it may refer to anything but `self`.", arguments: conditionArguments("it may be")},
	"postcondition": {doc: "What must hold of the instance as it is planned, which is `self`.", arguments: conditionArguments("the instance is good")},
	"content":       {doc: "The arguments of each service, as in a service block.", arguments: serviceArguments},
	"removed.lifecycle": {
		doc: "What becomes of the objects.",
		arguments: map[string]Argument{
			"destroy": {Type: typeBool, Default: "true", Doc: "false forgets them: they live on, and are no longer ours."},
		},
	},
}
