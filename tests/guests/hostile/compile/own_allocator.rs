//! Brings its own global allocator.
//! expect: did-not-compile | unsafe

use mmh_sdk::prelude::*;

struct Greedy;

unsafe impl std::alloc::GlobalAlloc for Greedy {
    unsafe fn alloc(&self, _: std::alloc::Layout) -> *mut u8 {
        std::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: std::alloc::Layout) {}
}

#[global_allocator]
static GREEDY: Greedy = Greedy;

struct Guest;

impl Harness for Guest {
    type State = ();

    fn predict(_task: &Task, _state: &(), _input: &Input, _model: &Model) -> Result<Answer> {
        Ok(Answer::new("a"))
    }
}

mmh_sdk::export!(Guest);
