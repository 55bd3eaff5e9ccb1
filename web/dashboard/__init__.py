"""The owner's pages: rendered here, moved by htmx; what changes something goes through the public interface."""
