-- failure_view: the photo that a failure is about, null when it is about none.
-- before: corrections and colour as they were when a correction was asked for, while it is being made.
ALTER TABLE avatars
    ADD COLUMN failure_view text CHECK (failure_view IN ('front', 'side')),
    ADD COLUMN before jsonb;
