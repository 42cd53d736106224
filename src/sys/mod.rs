//! Raw calls in, safe functions out: the only home of `unsafe` beside the C ABI.
