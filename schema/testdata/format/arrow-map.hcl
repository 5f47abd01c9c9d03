a = { for s in l : s.name=>s... if s.on }
b = {for s in l: (s.name) => s}
