# nothing here

// at all
