# `headrace images bake` writes this from the folders beside it. At the root of the source tree:
#   docker buildx bake --file images/docker-bake.hcl [IMAGE...]

variable "REGISTRY" { default = "localhost/headrace" }
variable "TAG" { default = "dev" }
variable "VERSION" { default = "0" }
variable "REVISION" { default = "" }
variable "SOURCE" { default = "" }
# Another base than the Dockerfile's, by digest.
variable "DEBIAN" { default = null }
# A file of certificates to trust while building.
variable "HEADRACE_CA_BUNDLE" { default = "" }

target "image" {
  context    = "."
  dockerfile = "images/Dockerfile"
  target     = "component"
  secret     = HEADRACE_CA_BUNDLE == "" ? [] : ["id=ca,src=${HEADRACE_CA_BUNDLE}"]
}

group "default" { targets = ["avro_example_gen", "bigquery_example_gen", "bulk_inferrer", "csv_example_gen", "distribution_validator", "evaluator", "example_diff", "example_validator", "filter_examples", "import_example_gen", "import_schema_gen", "infra_validator", "kubernetes_pusher", "latest_artifact", "latest_blessed_model", "parquet_example_gen", "pusher", "python_component", "query_example_gen", "read_value", "schema_gen", "span_range", "statistics_gen", "tfjs_converter", "tflite_converter", "trainer", "transform", "tuner", "vertex_pusher"] }
group "variants" { targets = ["bulk_inferrer_cuda", "trainer_cuda", "tuner_cuda"] }

target "avro_example_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/avro_example_gen:${TAG}"]
  args = {
    COMPONENT = "avro_example_gen"
    IMAGE = "avro_example_gen"
    LAYER = "beam"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Reads Avro files into tf.Examples and splits them."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "bigquery_example_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/bigquery_example_gen:${TAG}"]
  args = {
    COMPONENT = "bigquery_example_gen"
    IMAGE = "bigquery_example_gen"
    LAYER = "beam"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Reads the rows of a BigQuery query into tf.Examples and splits them."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "bulk_inferrer" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/bulk_inferrer:${TAG}"]
  args = {
    COMPONENT = "bulk_inferrer"
    IMAGE = "bulk_inferrer"
    LAYER = "tfx"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Predicts every row with a model; writes prediction logs, or examples with more columns."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "csv_example_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/csv_example_gen:${TAG}"]
  args = {
    COMPONENT = "csv_example_gen"
    IMAGE = "csv_example_gen"
    LAYER = "beam"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Reads CSV files with a header line into tf.Examples and splits them."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "distribution_validator" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/distribution_validator:${TAG}"]
  args = {
    COMPONENT = "distribution_validator"
    IMAGE = "distribution_validator"
    LAYER = "validation"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Finds features whose distribution has changed: drift between days, skew between sources."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "evaluator" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/evaluator:${TAG}"]
  args = {
    COMPONENT = "evaluator"
    IMAGE = "evaluator"
    LAYER = "tfx"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Computes metrics per slice, compares them with a baseline, and blesses a model that passes."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "example_diff" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/example_diff:${TAG}"]
  args = {
    COMPONENT = "example_diff"
    IMAGE = "example_diff"
    LAYER = "validation"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Pairs rows by their identifiers, and shows in which features the two rows of a pair differ."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "example_validator" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/example_validator:${TAG}"]
  args = {
    COMPONENT = "example_validator"
    IMAGE = "example_validator"
    LAYER = "validation"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Finds contradictions between the data and the schema."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "filter_examples" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/filter_examples:${TAG}"]
  args = {
    COMPONENT = "filter_examples"
    IMAGE = "filter_examples"
    LAYER = "beam"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Keeps the rows that a function chooses. They are unchanged and, without Beam, in their order."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "import_example_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/import_example_gen:${TAG}"]
  args = {
    COMPONENT = "import_example_gen"
    IMAGE = "import_example_gen"
    LAYER = "beam"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Imports files of serialized examples and splits them."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "import_schema_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/import_schema_gen:${TAG}"]
  args = {
    COMPONENT = "import_schema_gen"
    IMAGE = "import_schema_gen"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Imports a schema that you keep in a file."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "infra_validator" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/infra_validator:${TAG}"]
  args = {
    COMPONENT = "infra_validator"
    IMAGE = "infra_validator"
    LAYER = "tensorflow"
    BEAM_SDK = "nothing"
    SERVING = "docker.io/tensorflow/serving:2.19.1"
    DESCRIPTION = "Loads a model into a server, sends requests with some examples, and blesses it if it answers."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "kubernetes_pusher" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/kubernetes_pusher:${TAG}"]
  args = {
    COMPONENT = "kubernetes_pusher"
    IMAGE = "kubernetes_pusher"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Deploys a blessed model to KServe or TensorFlow Serving on Kubernetes, and waits for it."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "latest_artifact" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/latest_artifact:${TAG}"]
  args = {
    COMPONENT = "latest_artifact"
    IMAGE = "latest_artifact"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Finds the newest artifact that a task made in an earlier run: TFX's LatestArtifactStrategy."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "latest_blessed_model" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/latest_blessed_model:${TAG}"]
  args = {
    COMPONENT = "latest_blessed_model"
    IMAGE = "latest_blessed_model"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Finds the newest model that an evaluator of this pipeline blessed."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "parquet_example_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/parquet_example_gen:${TAG}"]
  args = {
    COMPONENT = "parquet_example_gen"
    IMAGE = "parquet_example_gen"
    LAYER = "beam"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Reads Parquet files into tf.Examples and splits them."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "pusher" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/pusher:${TAG}"]
  args = {
    COMPONENT = "pusher"
    IMAGE = "pusher"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Copies a blessed model into a versioned directory that TensorFlow Serving can watch."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "python_component" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/python_component:${TAG}"]
  args = {
    COMPONENT = "python_component"
    IMAGE = "python_component"
    LAYER = "validation"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Runs a function or a class that the author of the pipeline wrote."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "query_example_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/query_example_gen:${TAG}"]
  args = {
    COMPONENT = "query_example_gen"
    IMAGE = "query_example_gen"
    LAYER = "beam"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Reads the rows of an SQL query into tf.Examples and splits them."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "read_value" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/read_value:${TAG}"]
  args = {
    COMPONENT = "read_value"
    IMAGE = "read_value"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Reads a value that a condition or a parameter needs and that only a run has."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "schema_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/schema_gen:${TAG}"]
  args = {
    COMPONENT = "schema_gen"
    IMAGE = "schema_gen"
    LAYER = "validation"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Infers a schema that the data of every split satisfies."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "span_range" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/span_range:${TAG}"]
  args = {
    COMPONENT = "span_range"
    IMAGE = "span_range"
    LAYER = "arrow"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Joins examples of several spans from several runs of this pipeline: TFX's SpanRangeStrategy."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "statistics_gen" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/statistics_gen:${TAG}"]
  args = {
    COMPONENT = "statistics_gen"
    IMAGE = "statistics_gen"
    LAYER = "validation"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Computes the statistics that TFDV computes, for every feature of every split."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "tfjs_converter" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/tfjs_converter:${TAG}"]
  args = {
    COMPONENT = "tfjs_converter"
    IMAGE = "tfjs_converter"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Converts a SavedModel into a graph model of TensorFlow.js, for browsers and Node.js."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "tflite_converter" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/tflite_converter:${TAG}"]
  args = {
    COMPONENT = "tflite_converter"
    IMAGE = "tflite_converter"
    LAYER = "tensorflow"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Converts a SavedModel to TF Lite, and blesses it if its answers agree with the SavedModel's."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "trainer" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/trainer:${TAG}"]
  args = {
    COMPONENT = "trainer"
    IMAGE = "trainer"
    LAYER = "tfx"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Trains a model by calling `run_fn(fn_args)`."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "transform" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/transform:${TAG}"]
  args = {
    COMPONENT = "transform"
    IMAGE = "transform"
    LAYER = "validation"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Analyzes the examples, applies `preprocessing_fn` and saves it as a TensorFlow graph."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "tuner" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/tuner:${TAG}"]
  args = {
    COMPONENT = "tuner"
    IMAGE = "tuner"
    LAYER = "tfx"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Searches for the best hyperparameters with the tuner that `tuner_fn(fn_args)` returns."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "vertex_pusher" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/vertex_pusher:${TAG}"]
  args = {
    COMPONENT = "vertex_pusher"
    IMAGE = "vertex_pusher"
    LAYER = "base"
    BEAM_SDK = "nothing"
    SERVING = "nothing"
    DESCRIPTION = "Uploads a blessed model as a version to Vertex AI's Model Registry, and can deploy it."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "bulk_inferrer_cuda" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/bulk_inferrer_cuda:${TAG}"]
  args = {
    COMPONENT = "bulk_inferrer"
    IMAGE = "bulk_inferrer_cuda"
    LAYER = "tfx_cuda"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Predicts every row with a model; writes prediction logs, or examples with more columns."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "trainer_cuda" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/trainer_cuda:${TAG}"]
  args = {
    COMPONENT = "trainer"
    IMAGE = "trainer_cuda"
    LAYER = "tfx_cuda"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Trains a model by calling `run_fn(fn_args)`."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}

target "tuner_cuda" {
  inherits = ["image"]
  tags     = ["${REGISTRY}/tuner_cuda:${TAG}"]
  args = {
    COMPONENT = "tuner"
    IMAGE = "tuner_cuda"
    LAYER = "tfx_cuda"
    BEAM_SDK = "docker.io/apache/beam_python3.13_sdk:2.77.0"
    SERVING = "nothing"
    DESCRIPTION = "Searches for the best hyperparameters with the tuner that `tuner_fn(fn_args)` returns."
    DEBIAN = DEBIAN
    REVISION = REVISION
    SOURCE = SOURCE
    VERSION = VERSION
  }
}
