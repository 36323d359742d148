//! What is not about the framework is the same here and in `login-axum`.

macro_rules! assert_alike {
    ($($file:literal),*) => {
        $(assert_eq!(
            include_str!(concat!("../", $file)),
            include_str!(concat!("../../login-axum/", $file)),
            "{}", $file
        );)*
    };
}

#[test]
fn accounts_and_pages_are_the_same() {
    assert_alike!(
        "src/accounts.rs",
        "src/passwords.rs",
        "templates/account.html",
        "templates/layout.html",
        "templates/sign_in.html"
    );
}
