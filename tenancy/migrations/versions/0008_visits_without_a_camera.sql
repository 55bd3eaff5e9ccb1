-- What she agreed to when the visit began decides whether her camera's picture may come.
ALTER TABLE visits ADD COLUMN camera boolean NOT NULL DEFAULT true;
