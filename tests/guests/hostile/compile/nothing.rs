//! Is empty.
//! expect: bad-component | 

