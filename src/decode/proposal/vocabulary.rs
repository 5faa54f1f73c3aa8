//! Which words in the names of fields speak for a fact, and how strongly.

/// Points, each with the words that have them.
pub(super) type WordPoints = [(i32, &'static str)];

/// The points of `word`: 0 if it is not in `table`.
pub(super) fn points_of(word: &str, table: &WordPoints) -> i32 {
    table
        .iter()
        .find(|(_, words)| words.split(' ').any(|known| known == word))
        .map_or(0, |(points, _)| *points)
}

/// For the moment of a payment. That it was paid counts more than that its record was created, and
/// that more than that it was changed.
pub(super) const EVENT_TIME: &WordPoints = &[
    (55, "occurred happened paid"),
    (50, "created create creation"),
    (
        45,
        "event pay payment charged captured booked purchase sold timestamp zeitpunkt",
    ),
    (40, "trade transaction trans txn ts datetime"),
    (35, "tx booking sale time zeit moment completed"),
    (30, "date datum when finished epoch"),
    (25, "at processed"),
    (20, "order authorized unix"),
    (15, "settled received"),
    (10, "settlement sent millis"),
    (5, "ingested"),
    (0, "updated update modified changed"),
    (-10, "start"),
    (-20, "end"),
    (-40, "refunded cancelled canceled shipped"),
    (-50, "delivery"),
    (-60, "deleted"),
    (-80, "due"),
    (-100, "valid until"),
    (-150, "expires expiry expiration expire birth birthday dob"),
];

/// In a name of a number that is not a time, although it may look like seconds since 1970.
pub(super) const NOT_A_TIME: &WordPoints = &[
    (-80, "value"),
    (-100, "account"),
    (
        -150,
        "id no nr number num code key ref reference count version seq sequence offset amount \
         price total sum phone zip",
    ),
];

/// For what was paid. Parts of it, such as taxes, count against a field.
pub(super) const AMOUNT: &WordPoints = &[
    (60, "amount amt betrag montant importe"),
    (50, "summe"),
    (45, "sum"),
    (40, "total price preis money turnover revenue"),
    (35, "value"),
    (30, "paid pay cents cent pence pennies paise"),
    (25, "val gross cost"),
    (20, "payment transaction charge charged sales sale subtotal"),
    (15, "grand"),
    (5, "net minor micros"),
    (-5, "captured"),
    (-10, "requested"),
    (-15, "authorized"),
    (-20, "original due"),
    (-30, "min"),
    (-40, "sub unit"),
    (-60, "previous refund max items store branch shop"),
    (-70, "tip tips gratuity balance"),
    (-80, "refunded refundable shipping limit points"),
    (-90, "tax vat fee fees discount commission"),
    (-100, "at ms created size length type currency platform"),
    (
        -120,
        "qty quantity count rate percent percentage score weight",
    ),
    (
        -150,
        "age index year month day hour minute second time date ts timestamp duration decimals \
         scale exponent",
    ),
    (
        -200,
        "lat latitude lon lng longitude version id no nr number num code seq sequence offset \
         partition port zip phone status",
    ),
];

/// For whole numbers of a small unit, each with the decimals that this leaves out.
pub(super) const SMALL_UNIT: &[(&str, u32)] = &[
    ("minor", 2),
    ("cents", 2),
    ("cent", 2),
    ("pence", 2),
    ("pennies", 2),
    ("paise", 2),
    ("fen", 2),
    ("kopecks", 2),
    ("micros", 6),
    ("nanos", 9),
];

/// For where something was paid.
pub(super) const BRANCH: &WordPoints = &[
    (100, "branch"),
    (95, "filiale store shop"),
    (90, "outlet"),
    (80, "restaurant"),
    (75, "location"),
    (70, "mch hotel salon site merchant"),
    (65, "venue seller"),
    (60, "vendor station"),
    (55, "tenant"),
    (45, "account kiosk"),
    (40, "subsidiary terminal pos warehouse office partner"),
    (35, "till register company"),
    (30, "brand department dept division machine"),
    (25, "market region"),
    (20, "country city channel"),
    (15, "platform"),
    (-30, "payment"),
    (-60, "bank"),
    (-80, "order transaction state method postal"),
    (-100, "type address street"),
    (
        -150,
        "customer user payer buyer card status description url ip session version count",
    ),
    (-200, "currency amount time date email phone"),
];

/// What makes a field with such a word the better one: an id stays when a name changes.
pub(super) const IDENTITY: &WordPoints = &[
    (12, "id"),
    (8, "code no nr"),
    (6, "number num"),
    (4, "key ref"),
    (2, "name"),
];

/// For what tells one order from others.
pub(super) const ORDER_ID: &WordPoints = &[
    (60, "order"),
    (50, "trade payment transaction txn"),
    (45, "trans charge"),
    (40, "bon beleg pay tx invoice receipt purchase"),
    (35, "sale booking"),
    (30, "checkout id uuid guid"),
    (25, "reference ref"),
    (20, "no nr number"),
    (15, "num"),
    (0, "psp key"),
    (-10, "code event idempotency"),
    (-30, "message"),
    (-40, "request"),
    (-60, "correlation parent balance items item"),
    (-80, "trace span session original"),
    (-100, "account device"),
    (
        -150,
        "store shop branch merchant seller vendor location terminal customer user payer card",
    ),
    (
        -200,
        "type status state method platform currency amount total price time date at count \
         version",
    ),
];

/// For the currency of an amount.
pub(super) const CURRENCY: &WordPoints = &[
    (100, "currency ccy waehrung"),
    (80, "devise moneda"),
    (60, "cur curr"),
    (20, "unit"),
    (5, "code iso"),
    (-10, "base"),
    (-40, "settlement payout customer"),
    (-200, "country language lang locale airport"),
];

/// Words that say little of their own: what an object around them is called says what they are of.
pub(super) const GENERIC: &[&str] = &[
    "id", "uuid", "guid", "code", "no", "nr", "number", "num", "key", "ref", "name", "value",
    "val", "at", "date", "time", "ts", "ms", "unit",
];

/// All words, so that names without borders between words can be taken apart.
pub(super) fn is_word(text: &str) -> bool {
    [
        EVENT_TIME, NOT_A_TIME, AMOUNT, BRANCH, IDENTITY, ORDER_ID, CURRENCY,
    ]
    .iter()
    .any(|table| {
        let mut words = table.iter().flat_map(|(_, words)| words.split(' '));
        words.any(|word| word == text)
    })
}
