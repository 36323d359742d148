DO RELEASE_LOCK(CONCAT('cloakroom.sweep.', SHA1(CONCAT(DATABASE(), '%', ?))))
