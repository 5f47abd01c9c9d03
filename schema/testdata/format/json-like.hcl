a = {"x": {"y": [1, 2, {"z": null}]}}
b = jsonencode({"a":1,
"b" : 2})
