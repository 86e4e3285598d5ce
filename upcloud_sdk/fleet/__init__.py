"""Operations of several calls: create exactly once, wait, destroy, `ephemeral`, leases, the reaper."""
