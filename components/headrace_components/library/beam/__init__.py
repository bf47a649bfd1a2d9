"""Components on Apache Beam: for rows that outgrow one machine."""
