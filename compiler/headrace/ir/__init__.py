"""The intermediate form: KFP's PipelineSpec as plain JSON data, and the languages within it."""
