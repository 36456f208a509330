//! A small data set of support tickets, far from anything the simulated models know: six intents, each
//! with twelve texts, of which the first seven are training rows.

pub(super) const INSTRUCTIONS: &str = "Say what this customer's message is about.";

pub(super) const TRAIN_ROWS: usize = 7;

pub(super) const INTENTS: &[(&str, [&str; 12])] = &[
    ("billing", [
        "You charged my card twice this month.", "The invoice shows an amount that I never agreed to.", "Why did the price on my statement go up?",
        "My invoice lacks the tax number of our firm.", "There is an extra charge of 12 euros on my card.", "Please send the invoice for March again.",
        "The amount on the statement does not match the price list.", "I was charged for a month in which I was away.",
        "Can the invoice be made out to our firm?", "My card statement lists you two times.", "The price is not the one on your list.", "An amount of 40 euros went off my card.",
    ]),
    ("login", [
        "I forgot my password and the reset mail never comes.", "The site says my user name is unknown.", "I am locked out after three wrong tries.",
        "The code for signing in arrives too late.", "My password is refused although it is right.", "I cannot sign in on my new phone.",
        "How do I reset the password of a locked user?", "The reset link for the password has expired.", "Signing in fails with an unknown user.",
        "The code that I need to sign in is refused.", "I am locked out of my own profile.", "No mail with a reset link so far.",
    ]),
    ("delivery", [
        "My parcel was due on Monday and is not here.", "The courier left the parcel at a wrong house.", "Tracking has not moved for a week.",
        "Can you deliver to my neighbour instead?", "The box arrived open and wet.", "The courier never rang the bell.",
        "Where is my parcel? Tracking says it is on the truck.", "The truck came by, but nobody rang.", "Tracking says delivered, yet there is no box.",
        "Please tell the courier to use the back door.", "It is a week since the parcel was sent.", "The box went to a house in another street.",
    ]),
    ("refund", [
        "I sent the shoes back and want my money.", "How long until you pay back a returned item?", "The coat does not fit, so I return it.",
        "You promised my money back within ten days.", "My returned item is in your store, but nothing was paid back.", "I want to return two of three items.",
        "Do I get a voucher or my money for a return?", "The money for the returned coat is missing.", "I would like to return the shoes.",
        "Ten days have passed and you have not paid back anything.", "Is a voucher all that I get for a returned item?", "They do not fit; how can I return them?",
    ]),
    ("crash", [
        "The app closes as soon as I open the map.", "Since the update the screen stays white.", "It freezes when I upload a picture.",
        "The app \"quits\" with error {17} in C:\\temp.", "Every time I press save, it freezes.", "The update broke the map: a white screen, nothing more.",
        "An error pops up and then the app is gone.", "Opening a picture makes the app freeze.", "I press upload and see an error.",
        "After the update it closes at once.", "A white screen is all that I see in the app.", "The map never opens; the app is gone in a second.",
    ]),
    ("cancel", [
        "I want to end my contract.", "Please stop the subscription at the end of the year.", "How do I give notice?", "I no longer need the membership.",
        "Confirm that my subscription will not renew.", "What is the period of notice for the contract?", "Do not renew my membership next year.",
        "I hereby give notice on my subscription.", "We would like to end the membership.", "When does the contract end if I give notice today?",
        "Will it renew by itself? I do not want that.", "The subscription is no longer of use to me.",
    ]),
];
