"""`make generate`: writes all files that depend on the declarations of the components."""
