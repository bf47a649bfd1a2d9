"""TFX's `vertex_client_utils`: waits for a job of Vertex AI."""

import datetime
import time


def poll_job_status(job_id: str, timeout: datetime.timedelta, polling_interval_secs: int) -> None:
    """Waits until a job has succeeded; `aiplatform.init()` must have been called.

    Args:
        job_id: ID of the pipeline job.
        timeout: How long to wait at most.
        polling_interval_secs: Seconds between two questions.

    Raises:
        RuntimeError: The job failed, was cancelled or paused, or took longer.
    """
    from google.cloud.aiplatform import pipeline_jobs

    deadline = time.monotonic() + timeout.total_seconds()
    while time.monotonic() < deadline:
        time.sleep(polling_interval_secs)
        state = pipeline_jobs.PipelineJob.get(resource_name=job_id).state
        name = str(getattr(state, "name", state)).removeprefix("PIPELINE_STATE_")
        if name == "SUCCEEDED":
            return
        if name in ("FAILED", "CANCELLED", "PAUSED"):
            raise RuntimeError(f"the job {job_id} is {name}, expected SUCCEEDED")
    raise RuntimeError(f"the job {job_id} did not end within {timeout}")
