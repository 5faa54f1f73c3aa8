//! Records as well-known programs and providers write them.

use super::*;

/// A record, the places of its event time, amount, branch and order id, and the payment it is.
type KnownForm = (&'static str, [&'static str; 4], &'static str);

const FORMS: [KnownForm; 9] = [
    (
        // A payment of Square.
        r#"{"id":"pay_1","created_at":"2026-11-01T00:12:34.123Z","updated_at":"2026-11-01T00:12:39Z","amount_money":{"amount":2050,"currency":"USD"},"total_money":{"amount":2050,"currency":"USD"},"tip_money":{"amount":0,"currency":"USD"},"status":"COMPLETED","source_type":"CARD","location_id":"L88","order_id":"o-1","version_token":"x"}"#,
        [
            "created_at",
            "amount_money.amount",
            "location_id",
            "order_id",
        ],
        "2026-11-01T00:12:34.123Z 20.5 L88",
    ),
    (
        // A capture of PayPal.
        r#"{"id":"3C679366HH908993F","status":"COMPLETED","amount":{"currency_code":"USD","value":"100.00"},"seller_receivable_breakdown":{"paypal_fee":{"currency_code":"USD","value":"3.00"}},"invoice_id":"INV-1","merchant_id":"M7","create_time":"2026-11-01T00:12:34Z","update_time":"2026-11-01T00:13:00Z"}"#,
        ["create_time", "amount.value", "merchant_id", "invoice_id"],
        "2026-11-01T00:12:34Z 100 M7",
    ),
    (
        // An order of Shopify.
        r#"{"id":450789469,"created_at":"2026-11-01T01:12:34+01:00","processed_at":"2026-11-01T01:12:34+01:00","currency":"EUR","total_price":"598.94","subtotal_price":"597.00","total_tax":"11.94","total_discounts":"10.00","location_id":48752903,"order_number":1001,"financial_status":"paid","line_items":[{"price":"199.00"},{"price":"398.00"}]}"#,
        ["created_at", "total_price", "location_id", "order_number"],
        "2026-11-01T00:12:34Z 598.94 48752903",
    ),
    (
        // A payment of Mollie.
        r#"{"resource":"payment","id":"tr_7","mode":"live","createdAt":"2026-11-01T00:12:00+00:00","paidAt":"2026-11-01T00:12:34+00:00","expiresAt":"2026-11-08T00:12:00+00:00","status":"paid","amount":{"value":"10.00","currency":"EUR"},"settlementAmount":{"value":"9.71","currency":"EUR"},"profileId":"pfl_1","terminalId":"term_4"}"#,
        ["paidAt", "amount.value", "terminalId", "id"],
        "2026-11-01T00:12:34Z 10 term_4",
    ),
    (
        // A notification of Alipay.
        r#"{"gmt_create":"2026-11-01 00:12:30","gmt_payment":"2026-11-01 00:12:34","out_trade_no":"20150320010101001","total_amount":"20.00","receipt_amount":"15.00","buyer_id":"2088","seller_id":"2077","store_id":"NJ_S_001","trade_status":"TRADE_SUCCESS"}"#,
        ["gmt_create", "total_amount", "store_id", "out_trade_no"],
        "2026-11-01T00:12:30Z 20 NJ_S_001",
    ),
    (
        // A row that Maxwell sends.
        r#"{"database":"shop","table":"payments","type":"insert","ts":1793491960,"xid":23396,"commit":true,"data":{"id":1,"branch_id":7,"amount":12.5,"created_at":"2026-11-01 00:12:34"}}"#,
        ["created_at", "amount", "branch_id", "id"],
        "2026-11-01T00:12:34Z 12.5 7",
    ),
    (
        // A row that Canal sends: all values are texts.
        r#"{"data":[{"id":"1","shop_id":"7","pay_amount":"12.50","pay_time":"2026-11-01 00:12:34"}],"database":"shop","es":1793491960000,"id":9,"isDdl":false,"old":null,"table":"payment","ts":1793491961000,"type":"INSERT"}"#,
        ["pay_time", "pay_amount", "shop_id", "id"],
        "2026-11-01T00:12:34Z 12.5 7",
    ),
    (
        // A receipt of a till, from a database with names in capital letters.
        r#"{"TXN_ID":991,"STORE_NO":12,"POS_NO":3,"TXN_DATE":"2026/11/01 00:12:34","TOTAL_AMT":12.5,"TAX_AMT":2.0,"CUST_NO":77}"#,
        ["TXN_DATE", "TOTAL_AMT", "STORE_NO", "TXN_ID"],
        "2026-11-01T00:12:34Z 12.5 12",
    ),
    (
        // An event of a web shop, with names that have no borders between words.
        r#"{"eventtype":"payment","orderid":"A1","shopid":4,"paidat":1793491954000,"totalprice":12.5,"userid":9,"unitprice":1.25,"quantity":10}"#,
        ["paidat", "totalprice", "shopid", "orderid"],
        "2026-11-01T00:12:34Z 12.5 4",
    ),
];

#[test]
fn facts_are_found_in_well_known_forms() {
    for (line, places, payment) in FORMS {
        let tried = of(&[line]);
        let settings = &tried.proposal.settings;
        let found = [
            settings.event_time.to_string(),
            settings.amount.to_string(),
            tried.branch().to_string(),
            settings.order_id.clone().unwrap().to_string(),
        ];
        assert_eq!(found.each_ref().map(String::as_str), places, "{line}");
        assert_eq!(tried.facts, [payment], "{line}");
    }
}
