"""Bodies: photo checks, body model, fitting, measurements, garments, sizes."""
