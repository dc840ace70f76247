//! The sealed file, changed by somebody who has not the key.

use connectors::untrusted;
use seal::Key;

use crate::vendors::all_fit;

pub(crate) fn file(data: &[u8]) {
    let key = Key::from_bytes(&[7; 32]);
    all_fit(&untrusted::sealed_file(data, &key));
    for place in ["sealed file/1/KEY", "rotation/r-1/old/1"] {
        // Only what was sealed with the key opens, and no test has ever sealed an empty text.
        let opened = key.open_sealed(place, data);
        assert!(opened.is_err(), "opened without the key");
    }
}
