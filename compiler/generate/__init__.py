"""`make generate`: writes what follows from the declarations of the components."""
