//! Text that others wrote, before it is used or shown: pure functions of it, and nothing of this
//! program besides. The fuzz targets compile this folder in as well.

mod clean;
mod entered;
mod forms;
pub(crate) mod hide;
mod marked;

pub(crate) use clean::clean;
pub(crate) use entered::{ENTERED_BYTES_MAX, Unfit, entered};
pub(crate) use forms::holds_token;
pub(crate) use marked::marked;
